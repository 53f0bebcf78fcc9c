using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Stores the words of an enumeration in lower case, as people write them in a query.</summary>
internal sealed class LowerCase<TEnum>() : ValueConverter<TEnum, string>(value => value.ToString().ToLowerInvariant(), text => Enum.Parse<TEnum>(text, true))
    where TEnum : struct, Enum;
