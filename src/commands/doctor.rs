//! `eyas doctor`.

use crate::exit::Code;
use crate::settings::Settings;
use crate::ui::Ui;

/// Show every setting, where it came from, and what there is to work with
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Shows it.
///
/// # Errors
/// stdout cannot be written.
pub fn run(_: &Args, settings: &Settings, ui: &mut Ui) -> anyhow::Result<Code> {
    ui.out_line(&format!("timeout {:?} ({})", settings.timeout.value, settings.timeout.origin))?;
    Ok(Code::Done)
}
