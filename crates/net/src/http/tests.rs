//! The client and the server against each other and against broken peers.
