using System.Collections;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Npgsql;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>A column of an entity as its model has it: its name, its type in Postgres, and what a row has in it.</summary>
internal sealed class EntityColumn
{
    private readonly Func<object, object?> read;
    private readonly Type element;

    public EntityColumn(IProperty property)
    {
        var (mapping, getter) = (property.GetTypeMapping(), property.GetGetter());
        var converter = mapping.Converter;
        var type = converter?.ProviderClrType ?? property.ClrType;
        element = type.IsValueType && Nullable.GetUnderlyingType(type) is null ? typeof(Nullable<>).MakeGenericType(type) : type;
        read = converter is null ? getter.GetClrValue : row => getter.GetClrValue(row) is { } value ? converter.ConvertToProvider(value) : null;
        (Property, Name, Type) = (property.Name, $"\"{property.GetColumnName()}\"", property.GetColumnType());
    }

    /// <summary>The member that it is of.</summary>
    public string Property { get; }

    /// <summary>The name, quoted.</summary>
    public string Name { get; }

    /// <summary>The type, as in a column's declaration.</summary>
    public string Type { get; }

    /// <summary>What a row has in it.</summary>
    public object? Of(object row) => read(row);

    /// <summary>What rows have in it, as an array that a statement takes apart again; null for a row that is missing.</summary>
    public NpgsqlParameter ArrayOf(string name, IReadOnlyList<object?> rows)
    {
        var values = Array.CreateInstance(element, rows.Count);
        for (var number = 0; number < rows.Count; number++)
        {
            ((IList)values)[number] = rows[number] is { } row ? read(row) : null;
        }

        return new(name, values) { DataTypeName = $"{Type}[]" };
    }

    /// <summary>The columns of an entity that hold one value each, in the order of the model; those that hold several are left to EF Core.</summary>
    /// <param name="but">A member that is left out.</param>
    public static IReadOnlyList<EntityColumn> Of<T>(DbContext db, string? but = null)
        where T : class =>
        [.. db.Model.FindEntityType(typeof(T))!.GetProperties().Where(property => !property.IsShadowProperty() && !property.IsPrimitiveCollection && property.Name != but).Select(property => new EntityColumn(property))];
}
