"""French."""

from __future__ import annotations

__all__ = ["FRENCH"]

from botkit.engine.languages.language import Language

FRENCH = Language(
    code="fr",
    hello=(
        "Bonjour, je suis **{bot}**.{about}\n\nÉcrivez-moi ce qu'il vous faut, ou /help pour voir ce que je comprends."
    ),
    help="Je suis **{bot}**. Écrivez-moi simplement, ou utilisez une commande :",
    about_start="Dire bonjour et à quoi sert ce bot",
    about_help="Afficher ces commandes",
    about_new="Commencer une nouvelle conversation",
    about_stop="Arrêter la réponse en cours",
    about_status="Montrer ce qui se passe dans cette conversation",
    about_whoami="Montrer qui vous êtes pour moi",
    about_link="Relier tes comptes sur plusieurs plateformes",
    link_in_private="Pour ta sécurité, seulement en privé : écris-moi /link dans une discussion directe.",
    link_too_often="C’était trop souvent. Réessaie dans {minutes} minutes.",
    link_code=(
        "Ton code est `{code}`. Écris `/link {code}` dans une discussion privée avec moi sur l’autre plateforme, "
        "dans les {minutes} minutes. **Ne le donne à personne** : il relie des comptes."
    ),
    link_confirm=(
        "Ce compte sera relié à **{name}** sur `{channel}`. Si c’est toi, confirme-le là-bas : écris `/link "
        "{code}`. **Ne le fais pour personne d’autre.**"
    ),
    link_own="Ce code est pour l’autre plateforme : écris-le là-bas.",
    link_same="Ces comptes sont déjà reliés.",
    link_conflict="Selon l’opérateur, ces comptes sont à deux personnes ; lui seul peut les relier.",
    link_unknown="Je ne connais pas ce code. Il a peut-être servi ou est trop vieux : /link t’en donne un autre.",
    link_done="Reliés : tu es la même personne ici et sur `{channel}`.",
    about_memory="Montrer ce que je retiens de toi",
    about_forget="Oublier quelque chose que je retiens",
    memory_none="Je ne retiens rien ici.",
    memory_list="Voici ce que je retiens :",
    memory_of_chat="de cette conversation",
    memory_more="… et {count} de plus.",
    memory_how="`/forget` et un numéro efface une de ces notes, `/forget all` toutes.",
    memory_in_group=(
        "Ici, je ne montre que ce que je retiens de ce groupe. Ce qui ne concerne que toi, je le montre en privé."
    ),
    forget_what="Dis quoi : `/forget` et un numéro que montre /memory, ou `/forget all`.",
    forget_unknown="Je ne retiens rien de ce nom. Regarde /memory.",
    forget_sure="Cela efface {count} notes pour de bon. Pour confirmer, écris `/forget all yes`.",
    forget_not_for_all=(
        "Dans un groupe, seul un administrateur peut me faire tout oublier. Chacun peut effacer une note à la fois."
    ),
    forgotten="Oublié : {what}. Une nouvelle conversation commence, pour que cela ne revienne pas de celle-ci.",
    forgotten_all=(
        "Oubliées : les {count} notes. Une nouvelle conversation commence, pour que rien ne revienne de celle-ci."
    ),
    new_conversation="C'est fait : voici une nouvelle conversation.",
    one_approval_waits="1 approbation est encore en attente.",
    approvals_wait="{count} approbations sont encore en attente.",
    nothing_runs="Rien n'est en cours pour le moment.",
    messages_stopped="Je ne vous écrirai plus sans demande. Envoyez /start messages pour le permettre à nouveau.",
    messages_allowed="Je peux vous écrire à nouveau.",
    bot_and_model="Bot : {bot} · modèle : {model}",
    working="Je prépare une réponse.",
    ready="Prêt.",
    waiting_for_approval="En attente de l'approbation de `{what}`.",
    waiting_for_answer="En attente de votre réponse à `{what}`.",
    waiting_for_colleague="En attente qu'un collègue examine `{what}`.",
    waiting_for_other="En attente ({kind}) : `{what}`.",
    an_answer="une réponse",
    remembers_one="Je me souviens de 1 message de cette conversation.",
    remembers="Je me souviens de {count} messages de cette conversation.",
    you_are="Vous êtes **{name}** (`{person}`), {roles}.",
    you_are_here="Ici, vous êtes `{account}` sur `{channel}`.",
    unknown="inconnu",
    taken_over=(
        "**{what}** : merci de prendre le relais. {asked_by}\n"
        "Répondez ici à un message ; rendez la conversation à la fin."
    ),
    hand_back="Rendre la main",
    handed_back="Rendue{by}.",
    approval_needed="**Approbation nécessaire** pour `{tool}`",
    tainted="_Je demande car j’ai lu ce que d’autres ont écrit : {sources}. Est-ce toi qui le veux, ou eux ?_",
    asked_by="Demandé par {person}, via {bot} sur `{channel}`.",
    asked_by_member="Demandé par {member}, membre de `{workspace}`, via un client MCP.",
    colleague_decides="Un collègue doit décider. Je vous répondrai ici dès que ce sera fait.",
    decide_by_command="Pour décider : `{command}`",
    approve="Approuver",
    reject="Refuser",
    approved_now="Approuvé.",
    rejected_now="Refusé.",
    already_approved="Cela a déjà été approuvé.",
    already_rejected="Cela a déjà été refusé.",
    already_expired="Cela a déjà expiré.",
    already_cancelled="Cela a déjà été annulé.",
    only_may_decide="Seul {who} peut en décider.",
    button_unused="Ce bouton n'est plus utilisé.",
    approved="**Approuvé**{by} : `{tool}`",
    rejected="**Refusé**{by} : `{tool}`",
    by=" par {name}",
    expired="**Expiré** : personne n'a décidé à temps pour `{tool}`.",
    cancelled="**Annulé** : `{tool}` ne sera pas appelé.",
    please_answer="Veuillez répondre.",
    not_asked_you="Cette question s'adresse à quelqu'un d'autre.",
    already_answered="Une réponse a déjà été donnée.",
    fill_in="Remplir",
    send="Envoyer",
    not_now="Pas maintenant",
    skip="Passer",
    yes="Oui",
    no="Non",
    optional="_Facultatif : `-` pour laisser vide._",
    date_form="_Au format AAAA-MM-JJ, par exemple 2027-03-31._",
    answer_by_number="_Répondez par le numéro ou le nom._",
    answer_by_numbers="_Répondez par les numéros ou les noms, séparés par des virgules._",
    does_not_fit="Cela ne convient pas. {problem}",
    outcome_unknown=(
        "La connexion a été perdue pendant l'exécution de `{tool}` ; je ne sais donc pas si l'action a eu lieu. "
        "Je ne réessaierai pas de moi-même : un collègue doit vérifier et décider. Je vous répondrai ici."
    ),
    model_filtered="Le filtre du fournisseur du modèle a arrêté la réponse.",
    model_empty="Je n'ai pas de réponse à cela. Reposez la question autrement, s'il vous plaît.",
    model_busy="Le modèle est surchargé en ce moment. Réessayez dans une minute, s'il vous plaît.",
    model_refused=(
        "Je ne peux pas répondre pour le moment : le modèle a refusé la demande. "
        "L'opérateur en verra la raison dans le journal."
    ),
    model_unreachable="Je n'arrive pas à joindre le modèle. Réessayez dans un instant, s'il vous plaît.",
    answer_cut="(Ma réponse atteint ici sa longueur maximale. Demandez-moi de continuer.)",
    not_read="(Je n'ai pas pu regarder : {files}.)",
    limit_reached="J'ai dû m'arrêter ici : {why}.{so_far} Écrivez de nouveau si je dois continuer.",
    limit_tokens="cela a pris {used} jetons et la limite par message est de {limit}",
    limit_cost="la limite d'argent par message ({limit} ¢) est atteinte",
    limit_time="la limite de temps par message ({limit} s) est atteinte",
    limit_one_round="je peux utiliser des outils pendant 1 tour par message, et il est passé",
    limit_rounds="je peux utiliser des outils pendant {limit} tours par message, et ils sont tous passés",
    limit_repeats="le même appel de {tool} a été fait encore et encore",
    used_so_far=" Jusqu'ici j'ai utilisé {tools}.",
    tool_failed="échec",
    still_waiting="J'attends encore une décision sur `{what}` et je répondrai dès qu'elle sera prise.",
    connect_account=(
        "`{server}` a besoin de votre propre compte. Connectez-le ici : "
        "le lien n'est que pour vous et sert une fois, pendant 15 minutes.\n\n"
        "{link}\n\nReposez ensuite votre question au même endroit."
    ),
    pairing=(
        "Je ne vous connais pas encore. Votre code d'association est `{code}`. Donnez-le à l'opérateur, qui vous "
        "donnera accès avec `{command}`."
    ),
    unreadable=(
        "Je ne peux pas lire ce type de message ({kind}). Dites-le-moi avec des mots, ou envoyez une "
        "image ou un fichier."
    ),
    cannot_hear="Je ne peux pas écouter les messages vocaux ici. Écrivez-moi, s'il vous plaît.",
    heard_nothing=(
        "Je n'ai compris aucun mot dans votre message vocal. Enregistrez-le à nouveau ou écrivez-moi, s'il vous plaît."
    ),
    hearing_failed=(
        "Je n'ai pas pu écouter votre message vocal à l'instant. Envoyez-le à nouveau ou écrivez-moi, s'il vous plaît."
    ),
    voice_too_long=(
        "Ce message vocal est trop long pour moi : j'écoute {minutes} minutes au plus. Faites plus court ou "
        "écrivez-moi, s'il vous plaît."
    ),
    budget_used_up="Je ne peux pas répondre maintenant : le budget est épuisé{until}.",
    until=" jusqu'au {when}",
    budget_low_own="Vous avez utilisé {percent} % de votre budget `{budget}`. Reste{until} : {left}.",
    budget_low="**Budget `{budget}`**{who} : {percent} % sont utilisés. Reste{until} : {left}.",
    budget_left="Budget `{budget}`, reste{until} : {left}.",
    tokens="{count} jetons",
    tool_calls="{count} appels d'outils",
    stopped="Arrêté.",
    failed="Désolé, je n'ai pas pu répondre ({code}). Si vous le signalez, indiquez cet identifiant : `{trace}`.",
    went_wrong="Une erreur s'est produite et a été notée. Si vous la signalez, indiquez cet identifiant : `{trace}`.",
)
