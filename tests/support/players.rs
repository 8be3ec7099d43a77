//! Kinds of players, whose archives this machine builds programs for and runs them in qemu.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::root;

/// What makes newlib declare all that the programs use.
const NEWLIB: [&str; 3] = ["-D_GNU_SOURCE", "-D_POSIX_TIMERS=1", "-D_POSIX_MONOTONIC_CLOCK=1"];

/// A kind of player, whose archive is tested on this machine in qemu.
pub struct Player {
    /// Of its tests.
    pub name: &'static str,
    /// What tools/need.sh has to have for it.
    pub needs: &'static [&'static str],
    /// How `support::archive` calls the archive.
    pub archive: &'static str,
    compiler: &'static [&'static str],
    /// Where the C library is newlib: what is below that, and the linker's arguments. What a tree adds for an ARM archive
    /// comes with it.
    floor: Option<(&'static str, &'static [&'static str])>,
    runner: &'static [&'static str],
}

const ON_LINUX: (&str, &[&str]) = ("tests/cross/bare.c", &["-Wl,-Ttext=0x100000"]);
const ON_THE_BOARD: (&str, &[&str]) =
    ("tests/cross/mps2.c", &["-T", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cross/mps2.ld")]);

/// One of each kind.
pub const PLAYERS: [Player; 4] = [
    Player {
        name: "qemu-armv4t",
        needs: &["qemu-arm", "arm-none-eabi-gcc", "rust-source"],
        archive: "armv4t",
        compiler: &["arm-none-eabi-gcc", "-march=armv4t", "-marm"],
        floor: Some(ON_LINUX),
        runner: &["qemu-arm", "-cpu", "ti925t"], // the default CPU hides what an ARMv4T cannot
    },
    Player {
        name: "qemu-armv5te",
        needs: &["qemu-arm", "arm-none-eabi-gcc", "rust-source"],
        archive: "armv5te",
        compiler: &["arm-none-eabi-gcc", "-march=armv5te", "-mthumb"],
        floor: Some(ON_LINUX),
        runner: &["qemu-arm", "-cpu", "arm926"],
    },
    Player {
        name: "qemu-cortex-m7",
        needs: &["qemu-system-arm", "arm-none-eabi-gcc", "rust-source"],
        archive: "thumbv7em",
        compiler: &["arm-none-eabi-gcc", "-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=soft"],
        floor: Some(ON_THE_BOARD),
        runner: &[
            "qemu-system-arm",
            "-M",
            "mps2-an500",
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
            "-kernel",
        ],
    },
    Player {
        name: "qemu-mips32",
        needs: &["qemu-mipsel", "mipsel-linux-gnu-gcc", "rust-source"],
        archive: "mips32",
        compiler: &["mipsel-linux-gnu-gcc", "-static", "-mno-abicalls", "-fno-pic", "-no-pie"],
        floor: None,
        runner: &["qemu-mipsel"],
    },
];

impl Player {
    /// The C compiler for its processor, with the flags of all the tests.
    pub fn compiler(&self) -> Command {
        let mut command = Command::new(self.compiler[0]);
        command.args(&self.compiler[1..]).args(["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]);
        command.args(self.floor.map(|_| NEWLIB).into_iter().flatten());
        command.arg("-I").arg(root().join("include")).arg("-I").arg(root().join("tests/cross"));
        command
    }

    /// The sources that every program needs besides its own: the floor, and what a tree adds for an ARM archive.
    pub fn below(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let sources = self.floor.map(|(floor, _)| [floor, "rockbox-glue/rm_aeabi.c"]);
        sources.into_iter().flatten().map(|name| root().join(name))
    }

    /// What the compiler needs to be told when it links.
    pub fn link(&self) -> Vec<&'static str> {
        match self.floor {
            Some((_, script)) => [&["-nostartfiles", "-Wl,-z,noexecstack"], script].concat(),
            None => vec!["-lpthread", "-ldl", "-lm"],
        }
    }

    /// What runs a program of its on this machine.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(self.runner[0]);
        command.args(&self.runner[1..]).arg(program);
        command
    }
}
