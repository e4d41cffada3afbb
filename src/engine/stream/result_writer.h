// ResultWriter: the end of a query's line: expectations, then the rows in the forms of the sinks.
//
// A row that one sink refuses (a NULL key, a text that is no uuid) is refused for all of them, so
// that the tables of one query agree with each other.
//
// Thread contract: Write from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/evaluator.h"
#include "engine/stream/rows.h"
#include "engine/stream/spec.h"

namespace millrace::engine {

// What rows became, ready to be committed. `records` has one list per topic sink.
struct WrittenRows {
  std::vector<std::unique_ptr<flow::EncodedRows>> tables;
  std::vector<std::vector<flow::OutRecord>> records;
  uint64_t rows = 0;  // of the result, before fan-out

  void Append(WrittenRows&& later);
};

class ResultWriter {
 public:
  // The spec must outlive the writer.
  static Result<std::unique_ptr<ResultWriter>> Make(const QuerySpec& spec);

  // Rows that break an expectation or that a sink refuses become refusals; the others are added to
  // `out`.
  Status Write(Rows rows, ChunkContext& context, WrittenRows& out) const;

 private:
  struct Encoded;

  ResultWriter(const QuerySpec& spec, std::unique_ptr<Evaluator> conditions);
  void HoldExpectations(Rows& rows, ChunkContext& context) const;
  Result<Encoded> Encode(const Rows& rows, const Chunk& chunk, data::RowErrors& errors) const;

  const QuerySpec& spec_;
  std::unique_ptr<Evaluator> conditions_;  // null: no expectations
  std::vector<std::string> table_stages_;  // "table users.by_id"
  std::vector<std::string> topic_stages_;
};

}  // namespace millrace::engine
