"""What people see: a module for each group of pages."""
