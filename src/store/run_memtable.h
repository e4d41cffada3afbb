// RunMemTable: what RocksDB keeps unflushed rows in. An insert appends; order is made when somebody
// reads.
//
// RocksDB's own memtable is a skip list: each insert searches its place among rows that lie all
// over the memory, and that search was half of what a streamed row cost. Epochs bring their rows in
// key order, so here they stay runs in order of arrival and are merged once, when the memtable is
// flushed; a reader before that merges runs of similar size, so that there are never more than
// about log2(rows) of them.
//
// Invariants
//   1. Entries are in the order of RocksDB's internal keys: user key rising bytewise, then sequence
//   number and type falling. The column family uses BytewiseComparator.
//   2. A run never changes once made; an iterator sees what was inserted before it was made, which
//   is all that its snapshot may show.
//   3. Runs lie by size, each at least twice the next, except for those not read since they came.
//
// Thread contract: inserts from any thread (concurrent ones are supported), reads at the same time.
#pragma once

#include <memory>

#include <rocksdb/memtablerep.h>

namespace millrace::store {

std::shared_ptr<rocksdb::MemTableRepFactory> NewRunMemTableFactory();

}  // namespace millrace::store
