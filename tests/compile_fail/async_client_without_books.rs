//! E0061: this function takes 2 arguments but 1 argument was supplied
//! Books are asked for; forgetful ones must be written out.

fn main() {}

pub fn build(tokens: impl industrydata_async::TokenSource + 'static) {
    drop(industrydata_async::Client::builder(tokens).build());
}
