//! The `kubewhy-lab` command.

fn main() {}
