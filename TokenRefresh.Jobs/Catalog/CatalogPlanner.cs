using TokenRefresh.Jobs.Persistence;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;

namespace TokenRefresh.Jobs.Catalog;

/// <summary>Compares what somebody wants with what is stored, and checks all of it before anything is done.</summary>
public sealed class CatalogPlanner(ProviderChanges providers, TokenDefinitionChanges tokens, ITokenProviders known, DeclaredSettings declared, SecretProtection secrets)
{
    /// <summary>What is to be done, and what is wrong.</summary>
    /// <param name="prunes">True: managed providers and tokens that are not named are removed, but for providers that the settings of this server still name.</param>
    /// <param name="isUntested">True: providers are stored without being tried, so their credentials may be missing.</param>
    public async Task<CatalogPlan> MakeAsync(CatalogFile file, bool prunes, bool isUntested, CancellationToken cancellationToken)
    {
        var rows = (await providers.ListAsync(cancellationToken)).ToDictionary(row => row.Name);
        var named = file.Providers.Select(draft => draft.Name).ToHashSet();
        var gone = prunes ? rows.Values.Where(row => row.IsManaged && !named.Contains(row.Name) && !(row.Origin == Origin.Adopted && declared.Find(row.Name) is not null)).ToList() : [];
        var plan = new Parts();
        foreach (var draft in file.Providers)
        {
            await AddAsync(plan, draft, rows.GetValueOrDefault(draft.Name), isUntested);
        }

        var coming = named.Where(name => !rows.ContainsKey(name)).ToHashSet();
        var stored = await tokens.FindAsync([.. file.Tokens.Select(draft => draft.Name)], cancellationToken);
        foreach (var draft in file.Tokens)
        {
            if (gone.Exists(row => row.Name.Equals(draft.Provider, StringComparison.OrdinalIgnoreCase)))
            {
                plan.Wrong.Add($"tokens.{draft.Name}: its provider {draft.Provider} would be removed, as the file does not name it. Name it, or leave out --prune.");
            }

            Add(plan, draft, stored.GetValueOrDefault(draft.Name), coming);
        }

        if (prunes)
        {
            var unwanted = (await tokens.ManagedNamesAsync(cancellationToken)).Except(file.Tokens.Select(draft => draft.Name)).ToList();
            plan.Steps.AddRange((await tokens.FindAsync(unwanted, cancellationToken)).OrderBy(token => token.Key, StringComparer.Ordinal).Select(token => Removal(token.Key, token.Value)));
            plan.Steps.AddRange(gone.Select(Removal));
        }

        return new(plan.Steps, plan.Unchanged, plan.Wrong);
    }

    private async Task AddAsync(Parts plan, ProviderDraft draft, ProviderRow? row, bool isUntested)
    {
        if ((ProviderChanges.RefuseName(draft.Name, draft.Type) ?? (row is null ? null : RefuseChange(row, draft))) is { } refused)
        {
            plan.Complain($"providers.{draft.Name}", refused.Reasons);
            return;
        }

        var type = ProviderTypes.Find(draft.Type)!;
        var before = row is null ? ProviderSettings.None : ProviderSettings.Of(row, secrets);
        var changes = new Dictionary<string, string?>(draft.Settings, StringComparer.OrdinalIgnoreCase);
        foreach (var left in before.Plain.Keys.Where(key => !changes.ContainsKey(key) && !DiscoveredSettings.Keeps(key, before, changes)))
        {
            changes[left] = null;
        }

        var after = before.With(type, changes);
        if (row is not null && after.Equals(before))
        {
            plan.Unchanged++;
            return;
        }

        if (await providers.CheckAsync(draft.Name, type, after, isUntested) is { } wrong)
        {
            plan.Complain($"providers.{draft.Name}", wrong.Reasons);
            return;
        }

        plan.Steps.Add(row is null
            ? new(CatalogAct.Add, IsToken: false, draft.Name, draft.Name, [new("type", null, type.Name), .. Compare(before, after)])
            {
                RunAsync = (change, cancellationToken) => providers.AddAsync(draft.Name, type.Name, changes, change, cancellationToken),
            }
            : new(CatalogAct.Change, IsToken: false, draft.Name, draft.Name, Compare(before, after))
            {
                RunAsync = (change, cancellationToken) => providers.ChangeAsync(draft.Name, changes, change with { Tag = ProviderChanges.TagOf(row) }, cancellationToken),
            });
    }

    private void Add(Parts plan, TokenDraft draft, TokenDefinition? stored, HashSet<string> coming)
    {
        var provider = draft.Provider.ToLowerInvariant();
        List<string> wrong =
        [
            .. TokenDraftRules.Check(draft, known, coming: coming),
            .. stored is null ? [] : TokenDefinitionChanges.Refuse(stored, draft.Name, new(""))?.Reasons ?? [],
            .. stored is { Origin: Origin.Managed } && stored.Provider != provider ? [$"It is of provider {stored.Provider}, and a token keeps its provider. Add another token."] : Array.Empty<string>(),
        ];
        if (wrong.Count > 0)
        {
            plan.Complain($"tokens.{draft.Name}", wrong);
            return;
        }

        var wanted = new TokenDefinition(provider, Origin.Managed, draft.Scopes, draft.Grant, TokenDefinition.Json(draft.Parameters), TokenDefinition.Json(draft.Labels)) { SubjectHash = stored?.SubjectHash };
        if (wanted.Equals(stored))
        {
            plan.Unchanged++;
            return;
        }

        plan.Steps.Add(stored is null
            ? new(CatalogAct.Add, IsToken: true, draft.Name, provider, Compare(null, wanted))
            {
                RunAsync = (change, cancellationToken) => tokens.AddAsync(draft, change, cancellationToken),
            }
            : new(CatalogAct.Change, IsToken: true, draft.Name, provider, Compare(stored, wanted))
            {
                RunAsync = (change, cancellationToken) =>
                    tokens.ChangeAsync(draft.Name, new(draft.Scopes, draft.Grant, draft.Parameters, draft.Labels), change with { Tag = stored.Tag }, cancellationToken),
            });
    }

    private CatalogStep Removal(ProviderRow row) => new(CatalogAct.Remove, IsToken: false, row.Name, row.Name, [new("type", row.Type, null), .. Compare(ProviderSettings.Of(row, secrets), ProviderSettings.None)])
    {
        RunAsync = (change, cancellationToken) => providers.RemoveAsync(row.Name, change with { Tag = ProviderChanges.TagOf(row) }, cancellationToken),
    };

    private CatalogStep Removal(string name, TokenDefinition token) => new(CatalogAct.Remove, IsToken: true, name, token.Provider, Compare(token, null))
    {
        RunAsync = (change, cancellationToken) => tokens.RemoveAsync(name, change with { Tag = token.Tag }, cancellationToken),
    };

    private static CatalogResult.Refused? RefuseChange(ProviderRow row, ProviderDraft draft) =>
        ProviderChanges.Refuse(row, row.Name, new(""))
            ?? (row.Type.Equals(draft.Type, StringComparison.OrdinalIgnoreCase) ? null : new(CatalogRefusal.Invalid, $"It is of type {row.Type}, and a provider keeps its type. Add another one."));

    private static IReadOnlyList<CatalogDifference> Compare(ProviderSettings before, ProviderSettings after) =>
    [
        .. Compare(before.Plain, after.Plain, "", value => value),
        .. Compare(before.Secret, after.Secret, "", MaskedCredential.Masked),
    ];

    private static IReadOnlyList<CatalogDifference> Compare(TokenDefinition? before, TokenDefinition? after) =>
    [
        .. Compare(Fields(before), Fields(after), "", value => value),
        .. Compare(Pairs(before?.Parameters), Pairs(after?.Parameters), "parameters.", value => value),
        .. Compare(Pairs(before?.Labels), Pairs(after?.Labels), "labels.", value => value),
    ];

    private static Dictionary<string, string> Fields(TokenDefinition? token) => token is null ? [] : new()
    {
        ["provider"] = token.Provider,
        ["scopes"] = token.Scopes.Count == 0 ? "none" : string.Join(',', token.Scopes),
        ["grant"] = $"{token.Grant}",
    };

    private static Dictionary<string, string> Pairs(string? json) => json is null ? [] : TokenDefinition.Pairs(json);

    private static IEnumerable<CatalogDifference> Compare(IReadOnlyDictionary<string, string> before, IReadOnlyDictionary<string, string> after, string prefix, Func<string, string> shown) =>
        before.Keys.Union(after.Keys)
            .Where(key => before.GetValueOrDefault(key) != after.GetValueOrDefault(key))
            .Select(key => new CatalogDifference(prefix + key, before.TryGetValue(key, out var old) ? shown(old) : null, after.TryGetValue(key, out var @new) ? shown(@new) : null));

    private sealed class Parts
    {
        public List<CatalogStep> Steps { get; } = [];

        public List<string> Wrong { get; } = [];

        public int Unchanged { get; set; }

        public void Complain(string path, IEnumerable<string> reasons) => Wrong.AddRange(reasons.Select(reason => $"{path}: {reason}"));
    }
}
