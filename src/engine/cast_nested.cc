// Casts of arrays, maps and structs: element by element, field by field.
#include <algorithm>

#include "engine/cast_element.h"

namespace millrace::engine {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::RowErrors;
using data::RowSet;
using data::TypeKind;

namespace {

// The elements of the call's rows, and the row that each belongs to.
struct Elements {
  std::vector<uint32_t> places;
  std::vector<uint32_t> rows;
};

Elements ElementsOf(const CastCall& call) {
  Elements elements;
  const int32_t* offsets = call.input->Offsets();
  call.rows.ForEach([&](size_t row) {
    for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
      elements.places.push_back(static_cast<uint32_t>(i));
      elements.rows.push_back(static_cast<uint32_t>(row));
    }
  });
  return elements;
}

// What an element raises is its row's error.
ColumnPtr CastElements(const CastFunction& cast, const ColumnPtr& child, const Elements& elements,
                       const CastCall& call) {
  RowErrors errors(child->length());
  ColumnPtr result = cast({child, RowSet::Of(elements.places), call.context, errors});
  for (const data::RowError& error : errors.errors()) {
    const auto place = std::ranges::lower_bound(elements.places, error.row);
    call.errors.Add(elements.rows[static_cast<size_t>(place - elements.places.begin())],
                    error.condition, error.message);
  }
  return Column::Flatten(result);
}

CastFunction CollectionCast(const CastSpec& spec, std::vector<CastFunction> casts) {
  return [type = spec.to, casts = std::move(casts)](const CastCall& call) -> ColumnPtr {
    ColumnBuilder out(type, call.input->length());
    std::copy_n(call.input->Offsets(), call.input->length() + 1, out.Offsets());
    const Elements elements = ElementsOf(call);
    std::vector<ColumnPtr> children;
    for (size_t i = 0; i < casts.size(); ++i)
      children.push_back(CastElements(casts[i], call.input->children()[i], elements, call));
    out.SetChildren(std::move(children));
    out.AddNullsOf(*call.input);
    return std::move(out).Finish();
  };
}

CastFunction StructCast(const CastSpec& spec, std::vector<CastFunction> casts) {
  return [type = spec.to, casts = std::move(casts)](const CastCall& call) -> ColumnPtr {
    ColumnBuilder out(type, call.input->length());
    std::vector<ColumnPtr> children;
    for (size_t i = 0; i < casts.size(); ++i) {
      const ColumnPtr& child = call.input->children()[i];
      children.push_back(Column::Flatten(casts[i]({child, call.rows, call.context, call.errors})));
    }
    out.SetChildren(std::move(children));
    out.AddNullsOf(*call.input);
    return std::move(out).Finish();
  };
}

}  // namespace

Result<CastFunction> MakeNestedCast(const CastSpec& spec) {
  const auto& from = spec.from.fields();
  const auto& to = spec.to.fields();
  if (spec.from.kind() != spec.to.kind() || from.size() != to.size()) {
    return Fail(ErrorCode::kUnsupported, "there is no cast from {} to {}", spec.from.ToDdl(),
                spec.to.ToDdl());
  }
  std::vector<CastFunction> casts;
  for (size_t i = 0; i < from.size(); ++i) {
    MR_ASSIGN(CastFunction cast, MakeCast(*from[i].type, *to[i].type, spec.mode));
    casts.push_back(std::move(cast));
  }
  if (spec.from.kind() == TypeKind::kStruct) return StructCast(spec, std::move(casts));
  return CollectionCast(spec, std::move(casts));
}

}  // namespace millrace::engine
