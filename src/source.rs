//! Where a value stands in a file, so that every complaint can name file, line and column.
