// Hash functions with a fixed meaning: their values are stored on disk or agreed with other
// systems, so they never change.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

// XXH3, 64 bits: in-memory tables, plan hashes, key groups of query state.
uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

// Cassandra's Murmur3Partitioner token of a partition key: the first half of MurmurHash3 x64 128
// with seed 0, tail bytes sign-extended as Cassandra does, INT64_MIN mapped to INT64_MAX.
// (org.apache.cassandra.dht.Murmur3Partitioner)
int64_t CassandraToken(std::string_view partition_key);

// Kafka's default partitioner for keyed records: toPositive(murmur2(key)) % partitions, partitions
// > 0.
int32_t KafkaPartitionOf(std::string_view key, int32_t partitions);

}  // namespace millrace
