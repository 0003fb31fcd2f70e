"""A recipe of one's own: template/ becomes egs/NAME."""
