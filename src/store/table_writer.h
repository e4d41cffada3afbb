// TableWriter of the store: columns in, sorted rows in their stored form out (flow/state.h has the
// contract).
//
// The work is: map columns by name once; per row build key and value side by side in one buffer;
// sort by token (then key); of rows with one key keep the newest. Rows of one key and one write
// time are all kept: the merge decides between them cell by cell, as Cassandra does, whatever call
// they came in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/state.h"
#include "store/table.h"

namespace millrace::store {

// The form in which rows wait for their commit. Sorted by (token, key), keys with their table id.
class StoredRows final : public flow::EncodedRows {
 public:
  struct Entry {
    uint64_t token;  // biased
    uint64_t key_at;
    uint32_t key_size;
    uint32_t value_size;
    int64_t write_us;
  };

  explicit StoredRows(TableHandle table) : table_(std::move(table)) {}
  size_t rows() const override { return entries_.size(); }
  size_t bytes() const override { return buffer_.size(); }
  const TableHandle& table() const { return table_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view key(const Entry& entry) const {
    return {buffer_.data() + entry.key_at, entry.key_size};
  }
  std::string_view value(const Entry& entry) const {
    return {buffer_.data() + entry.key_at + entry.key_size, entry.value_size};
  }

  // Building: append key [key_at, value_at) and value [value_at, end) to buffer(), then say so.
  std::string& buffer() { return buffer_; }
  void AddEntry(size_t key_at, size_t value_at, int64_t write_us, size_t end);
  void Reserve(size_t rows, size_t bytes);
  // Sorts and drops rows that a newer row of the same key replaces. `replaces`: rows write all
  // columns.
  void Finish(bool replaces);

 private:
  TableHandle table_;
  std::string buffer_;
  std::vector<Entry> entries_;
};

// kInvalidArgument: a key column is missing, a type cannot be written, or a name is in the batch
// twice.
Result<std::unique_ptr<flow::TableWriter>> NewTableWriter(const TableHandle& table,
                                                          const data::Schema& incoming);

}  // namespace millrace::store
