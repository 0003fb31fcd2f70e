"""One file per kind of metadata stream: labels become codes, codes become similarities."""
