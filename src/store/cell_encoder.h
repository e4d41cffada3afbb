// CellEncoder: one column of batches into Cassandra's serialisation, row by row and without Values
// where the type allows it. Made once per column of a writer. Thread contract: const, any thread.
#pragma once

#include <string>
#include <string_view>

#include "data/column.h"
#include "store/cql_type.h"

namespace millrace::store {

class CellEncoder {
 public:
  // CheckWritable(from, to) holds.
  CellEncoder(const data::DataType& from, const CqlType& to);

  // Appends the value of a row that is not NULL. False: it does not fit, and `why` says so; `out`
  // is then as before.
  bool Append(const data::Column& column, size_t row, std::string& out, std::string& why) const;
  // The same behind its size as a varint, as cells have it.
  bool AppendSized(const data::Column& column, size_t row, std::string& out,
                   std::string& why) const;

  const data::DataType& from() const { return from_; }
  const CqlType& to() const { return to_; }

 private:
  bool AppendGeneral(const data::Column& column, size_t row, std::string& out,
                     std::string& why) const;

  data::DataType from_;
  CqlType to_;
  size_t fixed_size_;
  bool plain_text_;
};

}  // namespace millrace::store
