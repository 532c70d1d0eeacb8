//! The processor time of child processes.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::Failure;

/// The milliseconds of user and system time that a command takes with its own children. What it prints is dropped.
///
/// Not the time on the clock, which depends on what else the machine does. A short command has to be run several times: the
/// system counts in hundredths of a second.
///
/// # Errors
///
/// If the command fails, or this is not Linux.
pub(crate) fn milliseconds(command: &mut Command, times: u32) -> Result<f64, Failure> {
    // A pipe would have each wake the process that reads it.
    command.stdout(Stdio::null());
    let before = ticks()?;
    for _ in 0..times {
        let output = command.output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{command:?} ended with {}: {stderr}", output.status).into());
        }
    }
    let took = u32::try_from(ticks()?.saturating_sub(before))?;
    // The unit of these files is 1/100 s on every architecture.
    Ok(f64::from(took) * 10.0 / f64::from(times))
}

/// The time of all children that have ended.
fn ticks() -> Result<u64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|e| format!("the time of children is read from /proc/self/stat: {e}"))?;
    // The name of the program, in parentheses, may contain anything. After it the state is field 3.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let mut fields = fields.split_whitespace().skip(16 - 3);
    let mut next = || fields.next().ok_or("/proc/self/stat is too short");
    let (user, system): (u64, u64) = (next()?.parse()?, next()?.parse()?);
    Ok(user + system)
}
