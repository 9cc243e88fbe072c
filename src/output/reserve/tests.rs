use std::time::Instant;

use super::*;
use crate::test_bus::Bus;

const CARD: u32 = 3;
const NAME: &str = "org.freedesktop.ReserveDevice1.Audio3";
const PATH: &str = "/org/freedesktop/ReserveDevice1/Audio3";

/// A program that holds the card and answers the first request to release it with `answer`.
fn holder(bus: &Bus, answer: bool) -> JoinHandle<()> {
    let bus = bus.connect();
    assert!(take(&bus, NAME, false).unwrap());
    std::thread::spawn(move || {
        let asked = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&asked);
        bus.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |message, bus| {
                assert_eq!(message.read1::<i32>().unwrap(), PRIORITY);
                bus.send(message.method_return().append1(answer)).unwrap();
                seen.store(true, SeqCst);
                true
            }),
        );
        while !asked.load(SeqCst) {
            bus.process(TICK).unwrap();
        }
        bus.channel().flush();
        // Keeps the name: a requester replaces it, or goes without.
        std::thread::sleep(Duration::from_millis(300));
    })
}

/// A program called `name` that holds the card and refuses to release it.
fn holder_called(bus: &Bus, name: &'static str) -> JoinHandle<()> {
    let bus = bus.connect();
    assert!(take(&bus, NAME, false).unwrap());
    std::thread::spawn(move || {
        let told = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&told);
        bus.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |message, bus| {
                let reply = message.method_return();
                let is_release = message.member().as_deref() == Some("RequestRelease");
                let reply = if is_release { reply.append1(false) } else { reply.append1(Variant(name)) };
                bus.send(reply).unwrap();
                seen.fetch_or(!is_release, SeqCst);
                true
            }),
        );
        let deadline = Instant::now() + Duration::from_secs(30);
        while !told.load(SeqCst) && Instant::now() < deadline {
            bus.process(TICK).unwrap();
        }
        bus.channel().flush();
        std::thread::sleep(Duration::from_millis(300));
    })
}

/// Asks whoever holds the card to release it.
fn request_release(bus: &Connection, priority: i32) -> bool {
    let holder = bus.with_proxy(NAME, PATH, Duration::from_secs(30));
    let (released,): (bool,) = holder.method_call(INTERFACE, "RequestRelease", (priority,)).unwrap();
    released
}

#[test]
fn a_free_card_is_taken_and_shown() {
    let bus = Bus::start();
    let reservation = Reservation::on(bus.connect(), CARD, "hw:3").unwrap();
    assert!(!reservation.was_taken_over());
    let other = bus.connect();
    let holder = other.with_proxy(NAME, PATH, Duration::from_secs(30));
    let get = |property: &str| -> Result<(Variant<Box<dyn RefArg>>,), dbus::Error> {
        holder.method_call("org.freedesktop.DBus.Properties", "Get", (INTERFACE, property))
    };
    assert_eq!(get("Priority").unwrap().0.as_i64(), Some(i64::from(PRIORITY)));
    assert_eq!(get("ApplicationName").unwrap().0.as_str(), Some("spatiald"));
    assert_eq!(get("ApplicationDeviceName").unwrap().0.as_str(), Some("hw:3"));
    assert!(get("Nonsense").is_err());
}

#[test]
fn only_a_higher_priority_gets_the_card_and_only_once_it_is_closed() {
    let bus = Bus::start();
    let reservation = Reservation::on(bus.connect(), CARD, "hw:3").unwrap();
    let other = bus.connect();
    assert!(!request_release(&other, PRIORITY));
    assert!(!reservation.is_release_requested());
    let asking = std::thread::spawn(move || request_release(&other, PRIORITY + 1));
    while !reservation.is_release_requested() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!asking.is_finished(), "the device is still open");
    drop(reservation);
    assert!(asking.join().unwrap());
    assert!(take(&bus.connect(), NAME, false).unwrap(), "the name is free again");
}

#[test]
fn a_holder_is_asked_and_its_word_counts() {
    let bus = Bus::start();
    let willing = holder(&bus, true);
    let reservation = Reservation::on(bus.connect(), CARD, "hw:3").unwrap();
    assert!(reservation.was_taken_over());
    drop(reservation);
    willing.join().unwrap();

    let bus = Bus::start();
    let unwilling = holder(&bus, false);
    assert!(matches!(Reservation::on(bus.connect(), CARD, "hw:3"), Err(Refusal::Held(None))));
    unwilling.join().unwrap();
}

/// Silence is no agreement: the holder may have the card open.
#[test]
fn a_holder_that_does_not_answer_keeps_the_card() {
    let bus = Bus::start();
    let silent = bus.connect();
    assert!(take(&silent, NAME, false).unwrap());
    assert!(matches!(Reservation::on(bus.connect(), CARD, "hw:3"), Err(Refusal::Held(None))));
    drop(silent);
}

#[test]
fn a_holder_that_goes_when_it_is_asked_leaves_the_card() {
    let bus = Bus::start();
    let leaving = bus.connect();
    assert!(take(&leaving, NAME, false).unwrap());
    let leaving = std::thread::spawn(move || {
        let asked = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&asked);
        leaving.start_receive(
            MatchRule::new_method_call(),
            Box::new(move |_, _| {
                seen.store(true, SeqCst);
                true
            }),
        );
        while !asked.load(SeqCst) {
            leaving.process(TICK).unwrap();
        }
    });
    assert!(Reservation::on(bus.connect(), CARD, "hw:3").is_ok());
    leaving.join().unwrap();
}

/// Who replaces us does not always ask before.
#[test]
fn a_name_that_is_lost_is_a_request_to_leave() {
    let bus = Bus::start();
    let reservation = Reservation::on(bus.connect(), CARD, "hw:3").unwrap();
    let other = bus.connect();
    assert!(take(&other, NAME, true).unwrap(), "a holder lets itself be replaced");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reservation.is_release_requested() {
        assert!(Instant::now() < deadline, "it stays although the card is another's");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(reservation);
    assert!(!take(&bus.connect(), NAME, false).unwrap(), "the other keeps the name");
}

#[test]
fn who_refuses_is_named() {
    let bus = Bus::start();
    // A stranger to the reservation that stands in its way with a higher priority than ours.
    let stubborn = holder_called(&bus, "Studio \u{1b}[31mmixer");
    match Reservation::on(bus.connect(), CARD, "hw:3") {
        Err(Refusal::Held(Some(name))) => assert_eq!(name, "Studio [31mmixer"),
        other => panic!("{other:?}"),
    }
    stubborn.join().unwrap();
}
