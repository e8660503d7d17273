//! What each fault does to our own client.
#![cfg(feature = "dc")]

mod hostile;

use hostile::Hostile;
use nanogram::dc::faults::FAULTS;
use nanogram::dc::residents::ALICE;

#[test]
fn print_all() {
    for fault in FAULTS.iter().filter(|fault| !fault.row.starts_with('E')) {
        let mut dc = hostile::dc();
        dc.fault(fault, 1);
        let mut net = if fault.row.starts_with('A') && fault.row != "A19" || fault.name.starts_with("encrypted-") {
            Hostile::stranger(dc)
        } else {
            Hostile::signed_in(dc, ALICE, hostile::framing(fault))
        };
        let call = nanogram::api::connect::GetConfig {};
        let t = std::time::Instant::now();
        let result = net.call(&call).map(|r| r.map(|_| ()).map_err(|e| e.to_string()));
        let again = net.call(&call).map(|r| r.map(|_| ()).map_err(|e| e.to_string()));
        println!(
            "{:4} {:22} acted {} {result:?} {again:?} after {:?} left {:?} in {} ms",
            fault.row,
            fault.name,
            net.acted(fault.name),
            net.now,
            net.left,
            t.elapsed().as_millis()
        );
    }
}
