//! `tray`.

use argh::{ArgsInfo, FromArgs};

/// Show an icon in the notification area of Windows that tells how the tap is, with a menu to manage the service.
#[derive(FromArgs, ArgsInfo, Debug, Default, PartialEq)]
#[argh(subcommand, name = "tray", help_triggers("--help", "-h", "help"))]
pub struct TrayArgs {
    /// where the tap listens (default where the service does, else where a tap usually is)
    #[argh(option, arg_name = "ADDR")]
    pub listen: Option<String>,

    /// end the icon that is shown
    #[argh(switch)]
    pub stop: bool,
}
