//! One file per command: its `Args`, whose doc comments are the help, and `run`.

pub mod addresses;
pub mod bench;
pub mod check;
pub mod completions;
pub mod dlq;
pub mod doctor;
pub mod emit;
pub mod flags;
mod git;
pub mod health;
pub mod help;
pub mod ls;
pub mod man;
pub mod mock;
mod neighbours;
pub mod new;
mod npm;
pub mod outgoing;
mod publish;
mod reach;
pub mod record;
mod refusal;
pub mod replay;
pub mod send;
pub mod show;
mod signing;
pub mod source;
pub mod tail;
pub mod target;
pub mod template;
mod template_source;
pub mod watch;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cli::Command;
use crate::exit::{self, Code};
use crate::settings::Settings;
use crate::ui::Ui;

/// Runs `command`.
///
/// # Errors
/// The command's own.
pub fn run(command: Command, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    match command {
        Command::New(args) => new::run(&args, settings, ui),
        Command::Check(args) => check::run(&args, settings, ui),
        Command::Template(args) => template::run(&args, settings, ui),
        Command::Emit(args) => emit::run(&args, settings, ui),
        Command::Send(args) => send::run(&args, settings, ui),
        Command::Tail(args) => tail::run(&args, settings, ui),
        Command::Record(args) => record::run(&args, settings, ui),
        Command::Replay(args) => replay::run(&args, settings, ui),
        Command::Mock(args) => mock::run(&args, settings, ui),
        Command::Bench(args) => bench::run(&args, settings, ui),
        Command::Dlq(args) => dlq::run(&args, settings, ui),
        Command::Health(args) => health::run(&args, settings, ui),
        Command::Ls(args) => ls::run(&args, settings, ui),
        Command::Doctor(args) => doctor::run(&args, settings, ui),
        Command::Completions(args) => completions::run(&args, settings, ui),
        Command::Man(args) => man::run(&args, settings, ui),
        Command::Help(args) => help::run(&args, settings, ui),
    }
}

/// Whether `command` uses settings: those that work the same everywhere must work with broken ones, too.
pub fn uses_settings(command: &Command) -> bool {
    !matches!(command, Command::Completions(_) | Command::Man(_) | Command::Help(_))
}

/// Runs `future` to its end on a runtime made for it: only commands that talk pay for one.
///
/// # Errors
/// The future's own, or that no runtime could be made.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    run_on(tokio::runtime::Builder::new_multi_thread(), future)
}

/// The same on this thread alone: what asks one thing at a time starts faster so.
///
/// # Errors
/// The future's own, or that no runtime could be made.
pub fn block_on_here<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    run_on(tokio::runtime::Builder::new_current_thread(), future)
}

fn run_on<T>(
    mut builder: tokio::runtime::Builder,
    future: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(future);
    // Not waited for: a thread that reads stdin would hold the process until the next line.
    runtime.shutdown_background();
    result
}

/// Done at the first Ctrl-C, or when the process is asked to end (SIGTERM); a second one then ends it at once. Pin
/// it once and select on it to the very end: once polled, signals come here and nowhere else. A command that is
/// interrupted tells its summary and returns [`Code::Interrupted`].
pub async fn interrupted() {
    if signal().await.is_err() {
        // Without a signal handler Ctrl-C ends the process by itself.
        return std::future::pending().await;
    }
    tokio::spawn(async {
        if signal().await.is_ok() {
            exit::at_once(Code::Interrupted);
        }
    });
}

/// Set at the first Ctrl-C or SIGTERM, so that nothing is left half-written; a second one ends the process.
fn watch_signals() -> std::io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let code = i32::from(Code::Interrupted.number());
        signal_hook::flag::register_conditional_shutdown(signal, code, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(all(test, unix))]
mod tests {
    use std::pin::pin;
    use std::process;

    use super::*;

    #[test]
    fn the_first_signal_is_told() {
        let code = block_on(async {
            for name in ["INT", "TERM"] {
                let mut told = pin!(signal());
                // The handler must stand before the signal comes, or the test itself would end.
                tokio::select! {
                    biased;
                    _ = &mut told => anyhow::bail!("nobody sent SIG{name} yet"),
                    () = std::future::ready(()) => {}
                }
                let kill = format!("kill -{name} {}", process::id());
                anyhow::ensure!(process::Command::new("sh").args(["-c", &kill]).status()?.success());
                told.await?;
            }
            Ok(Code::Interrupted)
        });
        assert_eq!(code.unwrap().number(), 130);
    }
}
