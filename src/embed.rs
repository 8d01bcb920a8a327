//! The build script: `include_dir!` alone misses files that are new in `templates/`.

fn main() {
    std::io::Write::write_all(&mut std::io::stdout(), b"cargo:rerun-if-changed=templates\n")
        .expect("cargo listens");
}
