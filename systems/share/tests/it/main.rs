//! What users and programs of the course see of the server and the client.

#[cfg(test)]
mod clients;
#[cfg(test)]
mod course;
#[cfg(test)]
mod greedy;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod support;
