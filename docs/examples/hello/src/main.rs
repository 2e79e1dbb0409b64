//! The smallest program worth releasing: it says hello, and from where.

fn main() {
    let name = std::env::args().nth(1).unwrap_or_else(|| "world".to_owned());
    println!("hello {name}, from {} on {}", std::env::consts::OS, std::env::consts::ARCH);
}
