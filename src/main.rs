//! The `kubewhy` command.

fn main() {}
