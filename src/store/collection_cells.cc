#include "store/collection_cells.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/cql_value.h"

namespace millrace::store {
namespace {

Status RefuseNull(const data::Value& value) {
  if (!value.is_null()) return {};
  return Fail(ErrorCode::kInvalidArgument, "NULL inside a collection, which CQL does not have");
}

}  // namespace

Status CollectionCells::Replace(const data::DataType& from, const data::Value& value) {
  const int64_t before = write_us_ == INT64_MIN ? INT64_MIN : write_us_ - 1;
  cells_.push_back(
      {.column = column_, .tombstone = true, .write_us = value.is_null() ? write_us_ : before});
  return Add(from, value);
}

Status CollectionCells::Add(const data::DataType& from, const data::Value& value) {
  if (value.is_null()) return {};
  if (type_.kind == CqlKind::kMap) {
    for (const auto& [key, held] : value.pairs()) {
      MR_TRY(RefuseNull(key));
      MR_TRY(RefuseNull(held));
      std::string path;
      std::string bytes;
      MR_TRY(AppendCqlValue(from.key(), key, type_.arguments[0], path));
      MR_TRY(AppendCqlValue(from.map_value(), held, type_.arguments[1], bytes));
      cells_.push_back({.column = column_,
                        .has_path = true,
                        .ttl_s = ttl_s_,
                        .write_us = write_us_,
                        .path = Keep(std::move(path)),
                        .value = Keep(std::move(bytes))});
    }
    return {};
  }
  for (size_t i = 0; i < value.list().size(); ++i)
    MR_TRY(AddElement(from.element(), value.list()[i], i));
  return {};
}

Status CollectionCells::AddElement(const data::DataType& from, const data::Value& element,
                                   size_t position) {
  MR_TRY(RefuseNull(element));
  std::string bytes;
  MR_TRY(AppendCqlValue(from, element, type_.arguments[0], bytes));
  Cell cell{.column = column_, .has_path = true, .ttl_s = ttl_s_, .write_us = write_us_};
  if (type_.kind == CqlKind::kList) {
    std::string path;
    AppendBig(path, static_cast<uint64_t>(write_us_) ^ (uint64_t{1} << 63));
    AppendBig(path, static_cast<uint32_t>(position));
    cell.path = Keep(std::move(path));
    cell.value = Keep(std::move(bytes));
  } else {
    cell.path = Keep(std::move(bytes));
  }
  cells_.push_back(cell);
  return {};
}

Status CollectionCells::Remove(const data::DataType& element, const data::Value& value) {
  if (type_.kind == CqlKind::kList)
    return Fail(ErrorCode::kUnsupported,
                "removing elements of a list needs a read before the write; replace the list");
  if (value.is_null()) return {};
  for (const data::Value& item : value.list()) {
    MR_TRY(RefuseNull(item));
    std::string path;
    MR_TRY(AppendCqlValue(element, item, type_.arguments[0], path));
    cells_.push_back({.column = column_,
                      .tombstone = true,
                      .has_path = true,
                      .write_us = write_us_,
                      .path = Keep(std::move(path))});
  }
  return {};
}

const std::vector<Cell>& CollectionCells::cells() {
  std::stable_sort(cells_.begin(), cells_.end(), [](const Cell& a, const Cell& b) {
    return a.has_path != b.has_path ? b.has_path : a.path < b.path;
  });
  // Of one path given twice the later one is kept: [1, 1] is one element of a set.
  std::vector<Cell> kept;
  for (const Cell& cell : cells_) {
    if (!kept.empty() && kept.back().has_path == cell.has_path && kept.back().path == cell.path)
      kept.pop_back();
    kept.push_back(cell);
  }
  cells_ = std::move(kept);
  return cells_;
}

}  // namespace millrace::store
