// CassandraTable: one table of the cluster as a sink: columns in, rows as bound values out (the
// flow::TableWriter contract), and their writing.
//
// Rows are written USING TIMESTAMP with their write times, NULLs as tombstones, exactly as the
// embedded store has them: the same set of writes gives the same table, in any order and however
// often. A TTL counts from when Cassandra takes the row.
//
//   MR_ASSIGN(auto writer, MakeCassandraWriter(client, schema, incoming));
//   MR_ASSIGN(auto rows, writer->Encode(batch, write_us, errors));
//   MR_TRY(WriteRows(client, rows));                     // acknowledged when it returns
//
// Thread contract: Encode from any thread; WriteRows from any, the client bounds what is under way.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cql/client/client.h"
#include "flow/state.h"
#include "store/schema.h"

namespace millrace::cql {

// Rows in key order, each as the bound values of the table's INSERT.
class BoundRows final : public flow::EncodedRows {
 public:
  struct Entry {
    int64_t token = 0;
    int64_t write_us = 0;
    uint64_t key_at = 0;  // serialised partition key, then clustering values with their sizes
    uint32_t partition_bytes = 0;
    uint32_t key_bytes = 0;
    uint32_t value_bytes = 0;  // behind the key
  };

  explicit BoundRows(PreparedPtr statement) : statement_(std::move(statement)) {}
  size_t rows() const override { return entries_.size(); }
  size_t bytes() const override { return buffer_.size(); }

  const PreparedPtr& statement() const { return statement_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view partition(const Entry& entry) const {
    return {buffer_.data() + entry.key_at, entry.partition_bytes};
  }
  std::string_view key(const Entry& entry) const {
    return {buffer_.data() + entry.key_at, entry.key_bytes};
  }
  std::string_view values(const Entry& entry) const {
    return {buffer_.data() + entry.key_at + entry.key_bytes, entry.value_bytes};
  }

  std::string& buffer() { return buffer_; }
  void Add(const Entry& entry) { entries_.push_back(entry); }
  // Sorts by token and key; of rows with one key keeps the newest where `replaces` (rows write all
  // columns whole).
  void Finish(bool replaces);

 private:
  PreparedPtr statement_;
  std::string buffer_;
  std::vector<Entry> entries_;
};

// kInvalidArgument: a key column is missing in `incoming`, or a type cannot be written.
Result<std::unique_ptr<flow::TableWriter>> MakeCassandraWriter(Client& client,
                                                               const store::TableSchema& table,
                                                               const data::Schema& incoming);

// Writes all rows, those of one partition together in unlogged batches.
Status WriteRows(Client& client, std::span<const BoundRows* const> rows);

}  // namespace millrace::cql
