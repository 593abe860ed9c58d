"""Extensions of Sphinx, one a module, that the book's ``_config.yml`` lists: what a page needs beyond its notebook."""
