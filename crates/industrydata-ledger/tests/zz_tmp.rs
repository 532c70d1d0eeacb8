use industrydata_core::*; use industrydata_ledger::*; use std::time::*; use std::sync::{Arc,atomic::*};
fn res(i:u8)->Change{Change::reserve(key("t"),Throttle::default(),[i;16],Duration::from_secs(150),Who::default())}
fn key(t:&str)->BooksKey{BooksKey::new(&Base::graph(),&t.parse().unwrap())}
#[test] fn poison(){
 let at=Arc::new(AtomicI64::new(1_800_000_000)); let r=at.clone();
 let s=MemoryStore::with_clock(move||Timestamp::from_second(r.load(Ordering::SeqCst)).unwrap());
 at.fetch_add(365*86400,Ordering::SeqCst);
 s.transact(&res(1)).unwrap();
 s.transact(&Change::settle(key("t"),Throttle::default(),[1;16],Outcome::Released{why:"x".into(),not_before:None})).unwrap();
 at.fetch_sub(365*86400,Ordering::SeqCst);
 for day in 0..4u8 { at.fetch_add(86400,Ordering::SeqCst);
  s.transact(&res(10+day)).unwrap();
  let v=s.transact(&res(50+day)).unwrap();
  s.transact(&Change::settle(key("t"),Throttle::default(),[10+day;16],Outcome::Released{why:"x".into(),not_before:None})).unwrap();
  println!("now {} used {} inflight {} suspect {} entries {:?}", at.load(Ordering::SeqCst), v.quota().used(), v.quota().in_flight(), v.quota().is_clock_suspect(), v.quota().entries().iter().map(|e|(e.reserved_at().to_string(), e.lease_ends().to_string())).collect::<Vec<_>>());
 }
}
#[test] fn speed(){
 let d=tempfile::tempdir().unwrap(); let s=SqliteStore::open(d.path().join("b")).unwrap();
 for n in [1usize,1000,10000]{
  let mut t=vec![];
  for i in 0..n { let k=key(&format!("{n}-{i}")); let b=Instant::now(); s.transact(&Change::reserve(k,Throttle::default(),[1;16],Duration::from_secs(150),Who::default())).unwrap(); t.push(b.elapsed()); }
  t.sort(); 
  let mut r=vec![]; for i in 0..n.max(100) { let k=key(&format!("{n}-{}",i%n)); let b=Instant::now(); s.transact(&Change::read(k,Throttle::default())).unwrap(); r.push(b.elapsed()); } r.sort();
  let b=Instant::now(); s.check().unwrap();
  println!("{n}: reserve p50 {:?} p99 {:?}; read p50 {:?}; check {:?}; file {}", t[n/2], t[n*99/100], r[r.len()/2], b.elapsed(), std::fs::metadata(d.path().join("b")).unwrap().len());
 }
}
