// rand, randn, uuid, shuffle.
//
// Invariant: random values depend only on the epoch's seed, the row's partition and offset and the
// call's place in the query, so that a replay draws the same (DESIGN invariant 6).

#include <cmath>
#include <numbers>
#include <utility>

#include "base/hash.h"
#include "base/uuid.h"
#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using Text = std::string_view;

// What tells this call from others of the query: where it stands in the SQL text, and its seed.
struct CallPlace {
  int32_t line;
  int32_t column;
  int64_t seed;
};

CallPlace PlaceOf(const sql::Expr& call) {
  CallPlace place{call.where.line, call.where.column, 0};
  const bool seeded = !call.args.empty() && call.args[0]->kind == sql::ExprKind::kLiteral &&
                      !call.args[0]->literal.is_null();
  if (seeded && call.args[0]->type.is_integral()) place.seed = call.args[0]->literal.integer();
  return place;
}

// Draw number `ordinal` of a row.
uint64_t Draw(const CallPlace& place, const EvalContext& context, size_t row, uint64_t ordinal) {
  const uint64_t words[] = {
      static_cast<uint64_t>(static_cast<uint32_t>(place.line)) << 32 |
          static_cast<uint32_t>(place.column),
      static_cast<uint64_t>(place.seed),
      static_cast<uint64_t>(static_cast<uint32_t>(context.partition)),
      row < context.offsets.size() ? static_cast<uint64_t>(context.offsets[row]) : row,
      ordinal,
  };
  return Hash64({reinterpret_cast<const char*>(words), sizeof(words)}, context.seed);
}

// 53 random bits: [0, 1).
double UnitInterval(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

Result<Kernel> MakeRand(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<double>(
        now, [&](Cell& cell) { return UnitInterval(Draw(place, now.context, cell.row(), 0)); });
  });
}

// Box and Muller's two uniform numbers to one normal.
Result<Kernel> MakeRandn(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<double>(now, [&](Cell& cell) {
      const double u = 1.0 - UnitInterval(Draw(place, now.context, cell.row(), 0));
      const double v = UnitInterval(Draw(place, now.context, cell.row(), 1));
      return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
    });
  });
}

Result<Kernel> MakeUuid(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<Text>(now, [&](Cell& cell) -> Text {
      char* to = cell.arena().Allocate(36);
      Uuid::FromRandom(Draw(place, now.context, cell.row(), 0),
                       Draw(place, now.context, cell.row(), 1))
          .Print(to);
      return {to, 36};
    });
  });
}

Result<Kernel> MakeShuffle(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    ListBuilder out(now);
    now.rows.ForEach([&](size_t row) {
      out.StartRow(row);
      const size_t first = out.size();
      out.AddRange(RangeOf(*now.args[0], row));
      for (size_t i = out.size() - first; i > 1; --i) {
        const size_t other = Draw(place, now.context, row, i) % i;
        std::swap(out.rows()[first + i - 1], out.rows()[first + other]);
      }
    });
    return std::move(out).Finish({now.args[0]->children()[0]});
  });
}

const KernelRegistration kKernels[] = {
    {"rand", MakeRand},
    {"randn", MakeRandn},
    {"uuid", MakeUuid},
    {"shuffle", MakeShuffle},
};

}  // namespace

std::span<const KernelRegistration> RandomKernels() { return kKernels; }

}  // namespace millrace::engine
