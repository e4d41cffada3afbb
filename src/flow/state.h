// StateStore and TableWriter: where a query's epochs end. Rows, state and progress of one epoch
// become visible together and are recovered together (DESIGN invariants 3d and 4). Implemented by
// src/store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "flow/epoch.h"

namespace millrace::flow {

// Rows of one table, already in the store's own form and key order; made on any thread, consumed by
// one commit.
class EncodedRows {
 public:
  virtual ~EncodedRows() = default;
  virtual size_t rows() const = 0;
  virtual size_t bytes() const = 0;
};

// Turns columns into rows of one table. Made once per (query, table). Thread contract: Encode from
// any thread.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // Row i of `batch` is an upsert with write time write_us[i] (microseconds). Within the call a
  // later row of the same key wins. A row whose key column is NULL or whose value does not fit is
  // left out and noted in `errors`. Rows for which errors.Has(i) already holds are skipped.
  virtual Result<std::unique_ptr<EncodedRows>> Encode(const data::Batch& batch,
                                                      std::span<const int64_t> write_us,
                                                      data::RowErrors& errors) const = 0;
};

// Number of groups that a query's keys are hashed into: state belongs to a group, never to a
// thread, so that the number of threads may change.
inline constexpr uint32_t kKeyGroups = 256;

// One change of a query's state. The key is (operator, key group, key bytes); no value removes it.
struct StateChange {
  uint32_t operator_id = 0;
  uint8_t key_group = 0;
  std::string key;
  std::optional<std::string> value;
};

struct EpochWrite {
  std::string query;
  std::vector<std::unique_ptr<EncodedRows>> rows;
  std::vector<StateChange> state;
  Progress progress;
  uint64_t source_bytes = 0;  // read by this epoch: unflushed source bytes decide when to flush
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // Progress as the store holds it now; after a crash that is the last flushed epoch's. Epoch 0 for
  // an unknown query.
  virtual Result<Progress> LoadProgress(const std::string& query) = 0;
  // Every state entry of an operator, ordered by key group and key; stops when `visit` returns
  // false.
  virtual Status ScanState(const std::string& query, uint32_t operator_id,
                           const std::function<bool(uint8_t key_group, std::string_view key,
                                                    std::string_view value)>& visit) = 0;
  virtual Result<std::optional<std::string>> GetState(const std::string& query,
                                                      uint32_t operator_id, uint8_t key_group,
                                                      std::string_view key) = 0;

  // All of the epoch or nothing; readable when it returns, durable when flushed. Epochs of one
  // query come in order.
  virtual Status Commit(EpochWrite write) = 0;
  // The epoch of `query` that has reached stable storage: intents up to it are needed no longer,
  // and sources must keep what lies behind its positions.
  virtual Result<Progress> FlushedProgress(const std::string& query) = 0;
  // Makes every committed epoch durable.
  virtual Status Flush() = 0;
  // Removes progress and state of a query (a replay, or a query that left the project).
  virtual Status DropQuery(const std::string& query) = 0;
};

}  // namespace millrace::flow
