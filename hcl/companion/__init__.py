"""The companion to the paper: figures and tables as data, claims with verdicts, pages, the book, the command line."""
