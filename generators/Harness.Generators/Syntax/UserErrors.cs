using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>
/// A set of the errors that programs raise (1 to 8), or every error. The runtime's own are in each set.
/// </summary>
internal readonly record struct UserErrors(int Mask, bool IsAny)
{
    public const int Count = 8;

    public static readonly UserErrors Any = new((1 << Count) - 1, true);

    public IEnumerable<ErrorName> Names
    {
        get
        {
            for (var i = 0; i < Count; i++)
            {
                if ((Mask >> i & 1) == 1)
                {
                    yield return (ErrorName)(i + 1);
                }
            }
        }
    }

    public static UserErrors Of(IEnumerable<ErrorName> errors) =>
        new(errors.Aggregate(0, (mask, error) => mask | Bit(error)), false);

    public bool Contains(ErrorName error) => (Mask & Bit(error)) != 0;

    public bool Within(UserErrors other) => other.IsAny || (!IsAny && (Mask & ~other.Mask) == 0);

    public static UserErrors operator |(UserErrors a, UserErrors b) => new(a.Mask | b.Mask, a.IsAny || b.IsAny);

    private static int Bit(ErrorName error) => 1 << ((int)error - 1);
}
