// Connectors: what the engine's interfaces are over the embedded log, the embedded store and the
// operating system. Sources and transactional writers need none: the log implements flow's
// interfaces itself, and so does the store.
//
//   MR_ASSIGN(auto intents, connect::OpenIntentLog(log));
//   auto time = connect::MakeTimeSource(io::SystemClock());
//   world.intents = intents.get();
//   world.time = time.get();
//   world.lookups = connect::MakeLookupOpener(store, fs, {"data/refs", {{"countries", path}}});
//
// Thread contract: the functions from any thread; the objects as their interfaces say. What is
// passed by reference outlives what is returned.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/stream/spec.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "log/log.h"
#include "store/store.h"

namespace millrace::connect {

// The internal topic of epoch intents (DESIGN invariant 3a); its records: docs/formats/epoch.md.
inline constexpr const char* kEpochsTopic = "__epochs";
log::TopicSpec EpochsTopicSpec();

// Makes the topic when it is absent and reads what is in it. kDamaged: a record that is none.
Result<std::unique_ptr<engine::IntentLog>> OpenIntentLog(log::Log& log);

std::unique_ptr<engine::TimeSource> MakeTimeSource(io::Clock& clock);

// One JSON object a row, as to_json writes it. A column named "_key" becomes the record's key and
// is left out of the value.
std::shared_ptr<const engine::RecordEncoder> MakeJsonEncoder(const data::Schema& schema);

// Where reference files are, and where copies of the versions in use are kept.
struct LookupFiles {
  std::string folder;                        // of the copies; made when absent
  std::map<std::string, std::string> paths;  // by reference: its CSV file
  // The query that looks up. Copies are its own and go when its epochs are flushed. Empty: copies
  // are shared and never removed.
  std::string query = {};
};

// Look-ups in reference files (RFC 4180, with header) and in tables, by the relation's kind.
//   References: read when first asked and again when the file's time or size changed; a changed
//   file that cannot be read, or repeats a key, is reported and the content before it stays in
//   force.
//   Tables: by the whole partition key or the whole primary key.
engine::LookupOpener MakeLookupOpener(store::Store& store, io::FileSystem& fs, LookupFiles files);

}  // namespace millrace::connect
