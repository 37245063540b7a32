//! Task metadata as Fargate and EC2 write it.
