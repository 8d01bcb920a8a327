//! Schemas from `.proto` files.

use std::path::{Path, PathBuf};

use protox::Compiler;

use crate::fault::Fault;
use crate::wire::grpc::schema::Schema;

/// Compiles `files`, which may import from their own folders, the current one and `imports`.
///
/// # Errors
/// A file that cannot be read or does not parse, with its place.
pub(super) fn compile(files: &[PathBuf], imports: &[PathBuf]) -> Result<Schema, Fault> {
    for import in imports {
        if !import.is_dir() {
            return Err(Fault::new(format!("`{}` is no folder to import from", import.display()))
                .hint("-O import=DIR names a folder that `import` in a proto is read from"));
        }
    }
    let mut folders = imports.to_vec();
    for file in files {
        if let Err(error) = std::fs::File::open(file) {
            return Err(Fault::new(format!("cannot read `{}`: {error}", file.display())));
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        if !folders.iter().any(|known| file.starts_with(known)) && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    if !folders.iter().any(|folder| folder == Path::new(".")) {
        folders.push(PathBuf::from("."));
    }
    let mut compiler = Compiler::new(folders).map_err(|error| fault(&error))?;
    for file in files {
        compiler.include_imports(true).open_file(file).map_err(|error| fault(&error))?;
    }
    Ok(Schema::new(compiler.descriptor_pool()))
}

fn fault(error: &protox::Error) -> Fault {
    // Its place is in the debug form: `orders.proto:3:5: expected …`.
    let told = format!("{error:?}");
    // The end of a file has none.
    let file =
        error.file().filter(|file| !told.contains(file)).map(|file| format!("{file}: ")).unwrap_or_default();
    let fault = Fault::new(format!("{file}{told}"));
    if error.is_file_not_found() {
        return fault.hint("what a proto imports is looked for beside it, here, and in each -O import=DIR");
    }
    fault
}
