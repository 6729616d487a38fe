//! What the whole report looks like.
