#include "engine/aggregate_exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace millrace::engine {
namespace {

constexpr int kLimbBits = 32;
constexpr int64_t kLimb = int64_t{1} << kLimbBits;
// Of the smallest double: every double is a whole multiple of 2^kUnitExponent.
constexpr int kUnitExponent = -1074;
constexpr int kLimbsMax = (1024 - kUnitExponent) / kLimbBits + 3;
// Each addition adds less than 2^32 to a limb.
constexpr uint32_t kPendingMax = 1U << 30;

constexpr uint8_t kNan = 1;
constexpr uint8_t kPlusInfinity = 2;
constexpr uint8_t kMinusInfinity = 4;

uint8_t SpecialOf(double number) {
  if (std::isnan(number)) return kNan;
  return number > 0 ? kPlusInfinity : kMinusInfinity;
}

}  // namespace

// `count` limbs from `index` on, made if they are not there yet.
int64_t* ExactSum::LimbsFrom(int index, int count) {
  if (limbs_.empty()) base_ = index;
  if (index < base_) {
    limbs_.insert(limbs_.begin(), static_cast<size_t>(base_ - index), 0);
    base_ = index;
  }
  const auto needed = static_cast<size_t>(index - base_ + count);
  if (limbs_.size() < needed) limbs_.resize(needed, 0);
  return limbs_.data() + (index - base_);
}

void ExactSum::Add(double number) {
  if (!std::isfinite(number)) [[unlikely]] {
    specials_ |= SpecialOf(number);
    return;
  }
  if (number == 0) return;
  const auto bits = std::bit_cast<uint64_t>(number);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  const bool negative = bits >> 63 != 0;
  // The number is mantissa * 2^shift_all units; subnormal numbers lack the leading bit.
  const uint64_t mantissa = exponent == 0 ? fraction : fraction | uint64_t{1} << 52;
  const int shift_all = std::max(exponent, 1) - 1;
  const auto size = static_cast<unsigned __int128>(mantissa) << (shift_all % kLimbBits);
  int64_t* limbs = LimbsFrom(shift_all / kLimbBits, 3);
  for (int i = 0; i < 3; ++i) {
    const auto part = static_cast<int64_t>((size >> (i * kLimbBits)) & (kLimb - 1));
    limbs[i] += negative ? -part : part;
  }
  if (++pending_ >= kPendingMax) Carry();
}

// The top limb keeps the sign.
void ExactSum::Carry() {
  pending_ = 0;
  if (limbs_.empty()) return;
  int64_t carry = 0;
  for (size_t i = 0; i + 1 < limbs_.size(); ++i) {
    const int64_t whole = limbs_[i] + carry;
    carry = whole >> kLimbBits;
    limbs_[i] = whole & (kLimb - 1);
  }
  const int64_t top = limbs_.back() + carry;
  limbs_.back() = top;
  if (top < kLimb && top > -kLimb) return;
  limbs_.back() = top & (kLimb - 1);
  limbs_.push_back(top >> kLimbBits);
}

void ExactSum::Add(const ExactSum& other) {
  specials_ |= other.specials_;
  if (other.limbs_.empty()) return;
  ExactSum carried = other;
  carried.Carry();
  if (pending_ > 0) Carry();
  int64_t* limbs = LimbsFrom(carried.base_, static_cast<int>(carried.limbs_.size()));
  for (size_t i = 0; i < carried.limbs_.size(); ++i) limbs[i] += carried.limbs_[i];
  pending_ += 2;
}

ExactSum::Normal ExactSum::Normalised() const {
  ExactSum carried = *this;
  carried.Carry();
  Normal normal;
  normal.base = base_;
  normal.negative = !carried.limbs_.empty() && carried.limbs_.back() < 0;
  int64_t carry = 0;
  for (const int64_t limb : carried.limbs_) {
    const int64_t whole = (normal.negative ? -limb : limb) + carry;
    carry = whole >> kLimbBits;
    normal.limbs.push_back(static_cast<uint32_t>(whole & (kLimb - 1)));
  }
  if (carry > 0) normal.limbs.push_back(static_cast<uint32_t>(carry));
  while (!normal.limbs.empty() && normal.limbs.back() == 0) normal.limbs.pop_back();
  return normal;
}

double ExactSum::Rounded() const {
  const bool both = (specials_ & kPlusInfinity) != 0 && (specials_ & kMinusInfinity) != 0;
  if ((specials_ & kNan) != 0 || both) return std::numeric_limits<double>::quiet_NaN();
  if (specials_ != 0) {
    const double infinity = std::numeric_limits<double>::infinity();
    return (specials_ & kPlusInfinity) != 0 ? infinity : -infinity;
  }
  const Normal normal = Normalised();
  // The top three limbs hold more bits than a double; what lies below only breaks ties.
  const size_t count = normal.limbs.size();
  const size_t low = count > 3 ? count - 3 : 0;
  unsigned __int128 top = 0;
  for (size_t i = count; i > low; --i) top = top << kLimbBits | normal.limbs[i - 1];
  for (size_t i = 0; i < low; ++i) top |= normal.limbs[i] != 0 ? 1 : 0;
  const double size = std::ldexp(static_cast<double>(top),
                                 kLimbBits * (normal.base + static_cast<int>(low)) + kUnitExponent);
  return normal.negative ? -size : size;
}

__float128 ExactSum::Wide() const {
  const Normal normal = Normalised();
  __float128 sum = 0;
  for (size_t i = normal.limbs.size(); i > 0; --i)
    sum = sum * static_cast<__float128>(kLimb) + normal.limbs[i - 1];
  // 2^-1074 in two steps, for a double's exponent ends before.
  sum *= std::ldexp(1.0, kUnitExponent / 2);
  sum *= std::ldexp(1.0, kUnitExponent / 2);
  for (int i = 0; i < normal.base; ++i) sum *= static_cast<__float128>(kLimb);
  return normal.negative ? -sum : sum;
}

void ExactSum::Serialize(std::string& to) const {
  const Normal normal = Normalised();
  AppendVarint(to, specials_ | (normal.negative ? 8U : 0U));
  AppendVarint(to, static_cast<uint64_t>(normal.base));
  AppendVarint(to, normal.limbs.size());
  for (const uint32_t limb : normal.limbs) AppendLittle(to, limb);
}

bool ExactSum::AddSerialized(ByteReader& reader) {
  const uint64_t flags = reader.Varint();
  const uint64_t base = reader.Varint();
  const uint64_t count = reader.Varint();
  if (!reader.ok() || flags > 15 || base > kLimbsMax || count > kLimbsMax) return false;
  if (reader.remaining() < count * sizeof(uint32_t)) return false;
  specials_ |= static_cast<uint8_t>(flags & 7);
  if (count == 0) return true;
  if (pending_ > 0) Carry();
  int64_t* limbs = LimbsFrom(static_cast<int>(base), static_cast<int>(count));
  for (uint64_t i = 0; i < count; ++i) {
    const auto limb = static_cast<int64_t>(reader.Little<uint32_t>());
    limbs[i] += (flags & 8) != 0 ? -limb : limb;
  }
  pending_ += 2;
  return true;
}

}  // namespace millrace::engine
