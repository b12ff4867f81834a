using System.Globalization;
using Harness.Generators;
using Harness.Generators.Exhaustive;
using Harness.Generators.Mutating;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>The programs of <c>Harness.Generators</c>: random ones, and the small scope's by their ordinals.</summary>
public sealed class RandomPrograms : IProgramSource
{
    public string Version { get; } = ProgramGenerator.Version.ToString(CultureInfo.InvariantCulture);

    public IReadOnlyList<string> Profiles => Profile.Names;

    public string DefaultProfile => Profile.Default.ToToken();

    public string Swarm(ulong seed) => Profile.Swarm(seed).ToToken();

    public string Steered(ulong seed, CallTarget target) => SteeredProfile.Of(seed, target.Kind, target.Return, target.Argument, target.Cleans).ToToken();

    public IReadOnlyCollection<string> Labels(FiberProgram program) => ProgramLabels.Of(program);

    public string? Kept(ProgramRecipe recipe) => MutantProfile.ParentOf(recipe.Profile) is { } parent
        ? parent.Changes.Count < Descent.MaxChanges ? parent.Changed(recipe.Seed).ToString() : null
        : new Descent(recipe.Seed, recipe.Size, recipe.Profile, []).ToString();

    public string Changed(string kept) => MutantProfile.Of(kept);

    public void RequireKept(string kept) => Descent.Parse(kept);

    public FiberProgram Generate(ProgramRecipe recipe) => SmallScopeProfile.SizeOf(recipe.Profile) is { } size
        ? SmallScopeProfile.Programs(size)[checked((int)recipe.Ordinal)]
        : MutantProfile.ParentOf(recipe.Profile) is { } parent ? ProgramMutator.Mutate(parent.Make(), recipe.Seed)
        : ProgramGenerator.Generate(recipe.Seed, recipe.Size, Profile.Parse(recipe.Profile));
}
