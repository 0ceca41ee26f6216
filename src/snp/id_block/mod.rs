//! ID blocks: what a guest owner signs about a launch.
