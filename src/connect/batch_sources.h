// LocalSources: what a batch query reads: embedded tables, topics up to their present end,
// reference files.
//
// Tables: conjuncts that fix the whole partition key become a read of that partition, with the
// clustering columns they fix or bound; all else is a scan in token order. Topics: the value is
// parsed as JSON by the topic's schema; a record that does not fit it is left out and counted,
// since a query shows what is right (the dead letters show the rest).
//
// Thread contract: one query a thread; several LocalSources may share topics and store.
#pragma once

#include <map>
#include <string>

#include "connect/topics.h"
#include "engine/batch_query.h"
#include "io/file_system.h"
#include "store/store.h"

namespace millrace::connect {

class LocalSources final : public engine::BatchSources {
 public:
  LocalSources(Topics& topics, store::Store& store, io::FileSystem& fs)
      : topics_(topics), store_(store), fs_(fs) {}

  // Where the file of a reference is.
  void AddReference(const std::string& name, const std::string& path) { references_[name] = path; }
  // Tables are found by "keyspace.name", topics by name.
  Result<std::unique_ptr<engine::BatchReader>> Scan(const engine::ScanRequest& request) override;

  // Records of topics that did not fit their schema, over all scans so far.
  uint64_t unreadable_records() const { return unreadable_; }

 private:
  Topics& topics_;
  store::Store& store_;
  io::FileSystem& fs_;
  std::map<std::string, std::string> references_;
  uint64_t unreadable_ = 0;
};

}  // namespace millrace::connect
