//! Component traits, graph, queues, retry, ledger, delivery tokens, drain.
