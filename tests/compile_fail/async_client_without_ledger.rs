//! E0061: this function takes 2 arguments but 1 argument was supplied
//! A client needs a store. One that keeps nothing must be named as well.

fn main() {}

pub fn build(tokens: impl industrydata_async::TokenSource + 'static) {
    drop(industrydata_async::Client::builder(tokens).build());
}
