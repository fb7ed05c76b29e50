//! The image, as its hosts run it. `.ci/image` builds it and runs these, which
//! need podman; what each shows is what arrived.

mod container;
mod docker;
mod github;
mod gitlab;
mod names;
mod weight;
