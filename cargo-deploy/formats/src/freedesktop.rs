//! Files that Linux desktops and systems read about an installed program: desktop entries, AppStream metadata, icons,
//! systemd units, manual pages and shell completions.

pub mod completion;
pub mod desktop_entry;
pub mod icon;
pub mod man_page;
pub mod metainfo;
pub mod systemd_unit;
