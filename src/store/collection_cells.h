// CollectionCells: what a write to a collection that is kept by elements turns into. A set's
// element and a map's key are the path of a cell; a list's elements have paths that sort as they
// were written.
//
// Replacing a collection is the tombstone of all its elements one microsecond before the write, and
// the new elements at it, as Cassandra does.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/value.h"
#include "store/cql_type.h"
#include "store/row.h"

namespace millrace::store {

class CollectionCells {
 public:
  CollectionCells(uint16_t column, const CqlType& type, int64_t write_us, int32_t ttl_s)
      : column_(column), type_(type), write_us_(write_us), ttl_s_(ttl_s) {}

  // `value` of SQL type `from`; NULL leaves the collection empty.
  Status Replace(const data::DataType& from, const data::Value& value);
  Status Add(const data::DataType& from, const data::Value& value);
  // Elements of a set, keys of a map, given as a list of `element`s; not for lists (kUnsupported:
  // needs a read).
  Status Remove(const data::DataType& element, const data::Value& value);

  // In stored order. Views into this object.
  const std::vector<Cell>& cells();

 private:
  Status AddElement(const data::DataType& from, const data::Value& element, size_t position);
  std::string_view Keep(std::string bytes) { return bytes_.emplace_back(std::move(bytes)); }

  uint16_t column_;
  const CqlType& type_;
  int64_t write_us_;
  int32_t ttl_s_;
  std::deque<std::string> bytes_;
  std::vector<Cell> cells_;
};

}  // namespace millrace::store
