//! What is quoted arrives as it is, as an argument, as a value and as a key's value, and so does the canonical form, unless it
//! hides what may be a password.
#![no_main]

use std::cell::RefCell;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use ropewalk::{EndpointRegistry, quote_argument, server_endpoint};
use ropewalk_fuzz::Choices;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let values = vec![choices.text(), choices.text(), String::from_utf8_lossy(choices.rest()).into_owned()];
    let heard = Rc::new(RefCell::new(Vec::new()));
    let registry = registry(Rc::clone(&heard));
    let [first, second, third] = [0, 1, 2].map(|index| quote_argument(&values[index]));
    let endpoint = registry.server(&format!("K:{first}:key={third}:{second}")).expect("it is quoted");
    assert_eq!(heard.take(), values);
    let canonical = endpoint.to_string();
    if canonical.contains("***") {
        return;
    }
    let again = registry.server(&canonical).expect("the canonical form is a description");
    assert_eq!((heard.take(), again.to_string()), (values, canonical));
});

/// A kind of endpoint that tells its arguments.
fn registry(heard: Rc<RefCell<Vec<String>>>) -> EndpointRegistry {
    let mut registry = EndpointRegistry::standard();
    registry.register_server("k", move |arguments| {
        let ([first, second], [key]) = arguments.parameters(["first", "second"], ["key"])?;
        heard.replace(vec![first.required()?, second.required()?, key.required()?]);
        Ok(Box::new(server_endpoint("tcp:0")?))
    });
    registry
}
