"""The SQL of the project: text becomes facts, and text is put together again from them."""
