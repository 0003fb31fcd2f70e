"""The figures of a page for papers: PDF and PNG by matplotlib, from the very plates that the page draws."""
