//! The `eyas` binary: parse, run, finish.

use std::process::ExitCode;

use clap::Parser;
use eyas::cli::{self, Cli};
use eyas::exit;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => {
            let json = cli.wants_json();
            exit::finish(eyas::run(cli), json)
        }
        Err(error) => exit::finish_usage(&error, cli::words_want_json(std::env::args_os().skip(1))),
    }
}
