//! The command line: one file a command. Each parses its arguments, calls the library and prints; none decides.
